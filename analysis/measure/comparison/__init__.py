"""What two parts, or two groups of messages, differ by: differences with an interval, message by message."""
