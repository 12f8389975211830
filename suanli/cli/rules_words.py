"""The words of `suanli rules`."""

from __future__ import annotations

WORDS = {
    "zh": {
        "wrote": "已写入 {file}",
        "would": "将写入 {file}",
        "same": "文件均为最新，无需写入",
        "as_built": "{folder} 中的规则与当前配置一致",
        "build": "规则与当前配置不一致：请运行 suanli rules build --output {folder}（选项与生成时相同）",
    },
    "en": {
        "wrote": "wrote {file}",
        "would": "would write {file}",
        "same": "every file is as it would be built; nothing to write",
        "as_built": "{folder} holds the rules of this configuration",
        "build": "not the rules of this configuration: suanli rules build --output {folder} (with the same options)",
    },
}
