"""The report of judged images: what is said of them (`told`), where images are lost (`where`), and the HTML file."""
