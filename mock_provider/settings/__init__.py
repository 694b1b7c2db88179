"""The tables of a provider profile as validated values, and the values they name. Imports no other module of
the project.
"""
