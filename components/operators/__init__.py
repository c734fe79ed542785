"""Operators that OLM installs: what is asked of it, what is awaited, and what of all that is this stack's.

Owns the packages and the kinds that they bring, the Subscription, and the words in which OLM's refusals reach a person.
The operators themselves are OLM's: a Subscription that goes leaves them, their kinds, and everybody's objects of these
kinds. Source of the contract: operator-framework/api:pkg/operators/v1alpha1,
operator-framework/operator-lifecycle-manager: pkg/controller.
"""
