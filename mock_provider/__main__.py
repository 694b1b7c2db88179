"""``python -m mock_provider``: the mock provider as a process of its own."""

from mock_provider.cli import main

if __name__ == "__main__":
    main()
