"""What stands on the clusters of the stacks: sites, grants, links, secrets, databases and what their copies lack.

Reads clusters only, and shows nothing secret. It knows neither the lab nor Pulumi: `Place` says where to look, `Advice`
which commands the sentences name. `python -m lab status` asks the same questions and adds the lab's own processes.
"""
