"""``python -m reference_sender``."""

from reference_sender.cli import main

if __name__ == "__main__":
    main()
