"""The Gradio demo: `audiodiff demo`."""
