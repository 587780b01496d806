"""Excel workbooks (ECMA-376), read row by row and exactly: a cell becomes the text that a careful export writes."""
