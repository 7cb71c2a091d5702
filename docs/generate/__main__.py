"""Write the reference anew: python -m docs.generate."""

from docs.generate import FOLDER, written

for name, text in written().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
