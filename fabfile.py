"""`fab --list` and `fab -H HOST RUNBOOK`: the runbooks as Fabric tasks."""

from opsbook.tasks import collection

namespace = collection()
