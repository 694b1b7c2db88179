"""The dashboard at ``/``: figures of the running sender, as values, and the page that shows them."""
