"""What is counted of conversations and of what comes of them, by period, beside the period before.

`bot.figures.measuring.measure` gives `Figures` (`data`): frozen values without words, for a page, a file, a document or
an e-mail alike. The counts of a day are made once (`counting`) and kept (`keeping`). Docs: docs/figures.md.
"""
