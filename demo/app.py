"""The demo as a script, as a Hugging Face Space runs it: `audiodiff demo` with no options."""

from audiodiff.demo.page import launch

if __name__ == "__main__":
    launch(["default"])
