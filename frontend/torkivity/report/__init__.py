"""Reports: result files and fits as one page of HTML that needs no network."""
