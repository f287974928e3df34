"""``python -m fit_image``."""

from fit_image.cli import main

if __name__ == "__main__":
    main()
