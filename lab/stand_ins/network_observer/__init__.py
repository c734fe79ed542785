"""The operator of Skupper's network observer, emulated: an operator-sdk helm operator around skupper's own chart.

For every NetworkObserver it installs what charts/network-observer of skupperproject/skupper has, with the conditions
of the helm operator (operator-framework/helm-operator-plugins: pkg/reconciler). In the place of the chart's three
containers (observer, proxy, Prometheus) one runs the lab's own page (page.py). Lives in the process of the Skupper
stand-in. What OpenShift would do for a release is done here too: a Route gets a host, which nothing of the lab leads
to, and Skupper's CA signs in the place of OpenShift's. There is no login of OpenShift's on the lab, so a page that
asks for it lets everybody in: it is reached by `kubectl port-forward` only. Left out: Prometheus' volume, and
Ingress.
"""
