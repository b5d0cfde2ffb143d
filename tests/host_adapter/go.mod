module cocoonstack.io/agent/tests/host_adapter

go 1.19
