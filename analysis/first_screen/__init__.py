"""The first screen: verdict, trust, the buyer's five questions. A pure function of the report."""
