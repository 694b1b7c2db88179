"""What a capacity search needs to know of one trial: did the backlog grow, and what got through?"""
