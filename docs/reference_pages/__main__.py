"""Write every page: `make reference`."""

from pathlib import Path

from reference_pages.pages import make_pages

for path, text in make_pages().items():
    target = Path(__file__).resolve().parents[1] / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
