"""A small deployment engine for machines without the `pulumi` command; started as `python -m lab.engine`.

It takes the same arguments and environment as the real command, runs the program as Pulumi's Python language host does,
speaks the ResourceMonitor protocol with it, and keeps state in the layout of Pulumi's file backend. It knows two
providers, kubernetes and vault, and of those only what a program like ours uses. The order of its steps, the rules of
its differences and its words follow pulumi 3.259 and pulumi-kubernetes 4.32; each module names what it follows.
"""
