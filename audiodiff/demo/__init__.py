"""The Gradio demo that `audiodiff demo` serves."""
