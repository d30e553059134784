"""The demo as a Hugging Face Space runs it: `audiodiff demo` without options, as a script."""

from audiodiff.demo.server import launch

if __name__ == "__main__":
    launch()
