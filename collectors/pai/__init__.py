"""Alibaba Cloud's PAI: what its resource quotas say."""
