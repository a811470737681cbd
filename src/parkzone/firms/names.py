"""Invented names. Brands are made-up syllable pairs, checked to be unique; people are common-name placeholders."""

from __future__ import annotations

import numpy as np

#: Brand (Chinese, pinyin) per trade; the number of brands is the number of firms of that trade.
BRANDS: dict[str, tuple[tuple[str, str], ...]] = {
    "soy": (("禾汐", "Hexi"), ("穗澜", "Suilan"), ("谷屿", "Guyu")),
    "starch": (("玑禾", "Jihe"), ("穗渊", "Suiyuan")),
    "dairy": (("牧渌", "Mulu"), ("霁乳", "Jiru")),
    "meat": (("原垚", "Yuanyao"), ("牧衡", "Muheng"), ("垄合", "Longhe")),
    "frozen": (("凛味", "Linwei"), ("霜叙", "Shuangxu")),
    "drink": (("泠泉坊", "Lingquanfang"), ("沐青禾", "Muqinghe")),
    "sauce": (("瓮香里", "Wengxiangli"), ("醅台", "Peitai")),
    "flour": (("麦垌", "Maidong"), ("磨川", "Mochuan")),
    "feed": (("牧垦", "Muken"),),
    "dustcollector": (("拂穹", "Fuqiong"), ("澈野", "Cheye"), ("澄垣", "Chengyuan")),
    "watertreat": (("沚源", "Zhiyuan"), ("渟川", "Tingchuan"), ("汀羽", "Tingyu")),
    "desulph": (("霁岚", "Jilan"), ("昊澈", "Haoche"), ("岚序", "Lanxu")),
    "instrument": (("微澄", "Weicheng"), ("衡鉴", "Hengjian")),
    "valve": (("阖枢", "Heshu"), ("钧阀", "Junfa")),
    "fan": (("翊风", "Yifeng"), ("旋穆", "Xuanmu")),
    "sanitation": (("拭城", "Shicheng"),),
    "membrane": (("沁膜", "Qinmo"),),
    "vessel": (("鼎垚", "Dingyao"), ("罡固", "Ganggu")),
    "sewage": (("青原碧渠", "Biqu"),),
    "cell": (("曜锂", "Yaoli"), ("蓄曦", "Xuxi"), ("芯穹", "Xinqiong")),
    "cathode": (("钴岚", "Gulan"), ("镍湾", "Niewan")),
    "module": (("昕硅", "Xingui"), ("晷光", "Guiguang"), ("旭砚", "Xuyan")),
    "blade": (("翎扬", "Lingyang"), ("朔翼", "Shuoyi")),
    "storage": (("储穆", "Chumu"), ("恒储", "Hengchu"), ("蓝匣", "Lanxia")),
    "inverter": (("弦变", "Xianbian"), ("频睿", "Pinrui")),
    "hydrogen": (("氢屿", "Qingyu"),),
    "heat": (("青原暖阳", "Nuanyang"),),
    "pv": (("曦原", "Xiyuan"), ("晴垄", "Qinglong")),
    "aluminium": (("铝垣", "Lvyuan"), ("轻穹", "Qingqiong"), ("溶岳", "Rongyue")),
    "copper": (("赤铸", "Chizhu"), ("铜屿", "Tongyu")),
    "lead": (("玄锭", "Xuanding"),),
    "steel": (("炽循", "Chixun"), ("钢垄", "Ganglong")),
    "vanadium": (("钒岭", "Fanling"), ("钛澜", "Tailan")),
    "casting": (("范铸", "Fanzhu"), ("砂衡", "Shaheng"), ("模砺", "Moli"), ("浇朴", "Jiaopu")),
    "hazwaste": (("归垚", "Guiyao"),),
    "urea": (("沃晟原", "Woshengyuan"), ("壤丰禾", "Rangfenghe")),
    "npk": (("垄沃", "Longwo"), ("壤谷", "Ranggu")),
    "methanol": (("醇澜", "Chunlan"),),
    "chloralkali": (("盐屿", "Yanyu"),),
    "fine": (("苯序", "Benxu"), ("馥砚", "Fuyan"), ("珩化", "Henghua")),
    "coating": (("漆屿", "Qiyu"), ("彤树", "Tongshu")),
    "agro": (("稼衡", "Jiaheng"), ("茁源", "Zhuoyuan")),
    "peroxide": (("氧澈", "Yangche"), ("沸净", "Feijing")),
    "tankfarm": (("汇储甲", "Huichu A"), ("汇储乙", "Huichu B")),
}

_SURNAMES = "赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹严金魏陶姜谢邹"
_SURNAMES_EN = [
    "Zhao",
    "Qian",
    "Sun",
    "Li",
    "Zhou",
    "Wu",
    "Zheng",
    "Wang",
    "Feng",
    "Chen",
    "Wei",
    "Jiang",
    "Shen",
    "Han",
    "Yang",
    "Zhu",
    "Qin",
    "Xu",
    "He",
    "Lyu",
    "Zhang",
    "Kong",
    "Cao",
    "Yan",
    "Jin",
    "Wei",
    "Tao",
    "Jiang",
    "Xie",
    "Zou",
]
_GIVEN = (
    ("示安", "Shi'an"), ("演明", "Yanming"), ("样清", "Yangqing"), ("例远", "Liyuan"), ("模宁", "Moning"),
    ("拟成", "Nicheng"), ("仿诚", "Fangcheng"), ("试文", "Shiwen"), ("虚谷", "Xugu"), ("设平", "Sheping"),
)  # fmt: skip


def person(rng: np.random.Generator) -> tuple[str, str]:
    """A placeholder person: given names are built on "demo", "sample", "trial" and the like."""
    s, g = int(rng.integers(len(_SURNAMES))), int(rng.integers(len(_GIVEN)))
    return _SURNAMES[s] + _GIVEN[g][0], f"{_GIVEN[g][1]} {_SURNAMES_EN[s]}"


def phone(serial: int) -> str:
    """A number nobody can dial: area code 000 is not assigned."""
    return f"000-{8800_0000 + serial:08d}"
