"""The report and the explorer: one page, built from `web/` into `template.html`, around the record of a fit."""
