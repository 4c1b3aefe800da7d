"""``python -m torkivity``."""

from torkivity.cli import main

if __name__ == "__main__":
    main()
