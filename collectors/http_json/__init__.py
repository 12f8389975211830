"""Any API that answers JSON, described by JMESPath expressions."""
