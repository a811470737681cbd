"""What stands between the socket and the routes: context, guards, errors, headers, metrics."""

from parksight.kernel.http.install import install

__all__ = ["install"]
