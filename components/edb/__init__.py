"""Two databases that replicate both ways, as clusters of EDB's operator or of the community's."""
