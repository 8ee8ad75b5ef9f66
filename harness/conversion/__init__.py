"""Published models in other formats, as folders of transformers: a module for each format."""
