"""What a user gives, as text: addresses, secrets, and messages about what is wrong with it."""
