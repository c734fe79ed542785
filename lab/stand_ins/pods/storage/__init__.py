"""Where the data of pods is: the folders of volumes, and who may write to them."""
