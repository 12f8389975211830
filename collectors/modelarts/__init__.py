"""Huawei Cloud's ModelArts: what its dedicated resource pools and their nodes say."""
