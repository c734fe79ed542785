"""The Pulumi program: one stack is one site, its settings say which and how."""

import pulumi

from components import last_resort

with last_resort.sentences():
    from components import settings, sites

    site = sites.build(settings.from_stack())
    for name, value in site.exports.items():
        pulumi.export(name, value)
