"""config.yaml: how this instance runs. Strict: an unknown key is an error that names the nearest known one."""

from __future__ import annotations

from suanli.config.access import AcceptanceConfig, RegistrationConfig, TlsConfig
from suanli.config.alerting import AlertsConfig, KindConfig
from suanli.config.asking import PollConfig, ReachConfig
from suanli.config.checks import check_certificate, check_secrets
from suanli.config.keeping import RetentionConfig, StoreConfig, store_at
from suanli.config.notify import ChannelConfig
from suanli.config.seeing import GrafanaConfig, GrafanaFolderConfig, GrafanaSourceConfig
from suanli.config.sending import SinkConfig
from suanli.config.whole import Config, load_config

__all__ = [
    "AcceptanceConfig",
    "AlertsConfig",
    "ChannelConfig",
    "Config",
    "GrafanaConfig",
    "GrafanaFolderConfig",
    "GrafanaSourceConfig",
    "KindConfig",
    "PollConfig",
    "ReachConfig",
    "RegistrationConfig",
    "RetentionConfig",
    "SinkConfig",
    "StoreConfig",
    "TlsConfig",
    "check_certificate",
    "check_secrets",
    "load_config",
    "store_at",
]
