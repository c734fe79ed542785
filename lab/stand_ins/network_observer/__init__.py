"""The operator of Skupper's network observer, emulated: an operator-sdk helm operator around skupper's own chart.

For every NetworkObserver it installs what charts/network-observer of skupperproject/skupper has, with the conditions
of the helm operator (operator-framework/helm-operator-plugins: pkg/reconciler). In the place of the chart's three
containers (observer, proxy, Prometheus) one runs the lab's own page (page.py). Lives in the process of the Skupper
stand-in. Left out: Prometheus' volume, Ingress, OpenShift's login and certificates; a chart that asks for a Route
fails as on a cluster that has none.
"""
