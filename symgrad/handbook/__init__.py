"""The handbook: a page for every layer, as a static site, as Markdown or as LaTeX."""
