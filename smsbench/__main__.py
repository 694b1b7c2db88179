"""``python -m smsbench``: the command."""

from smsbench.launch import main

if __name__ == "__main__":
    main()
