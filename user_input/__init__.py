"""What a user gives: addresses, secrets, text files, and messages about what is wrong with it."""
