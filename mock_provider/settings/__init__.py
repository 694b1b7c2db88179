"""The tables of a provider profile as validated values, and the values they name. Imports nothing of ours."""
