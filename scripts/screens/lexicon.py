"""The words of the two parts, which have none in common."""

from __future__ import annotations

ENGLISH = {
    "train": """
        account anchor answer apple archive arrow autumn balance basket beacon bench blanket bottle
        branch bridge broken bucket butter cabinet candle canvas carbon castle channel chapter
        circle city climate clock cloud coast colour column common copper corner cotton country
        crystal current daily dance debate degree desert design detail distance doctor double dozen
        draft dream early earth eastern editor eleven empty engine evening event family farmer
        feature fence field figure filter forest format fourth frame friend frozen future garden
        gentle glass golden grammar gravel great green group guitar half hammer harbour heavy
        height hidden history honest honey house human hundred index inner insect island its jacket
        journal juice jungle kettle kitchen ladder lake language large later leather lemon lesson
        letter level library light linen little local long lunch machine magnet many maple margin
        market meadow member memory metal middle mirror model moment morning mountain narrow nature
        needle never next night noise northern number ocean of offer often old only open orange
        order other outside paper parcel parent pattern pencil people picture pillow planet please
        pocket point power price public quiet rabbit railway rain reader reason record red region
        report result river rocket round salt sample school season second shadow sharp silver simple
        slowly small smooth some song south spring square station still stone storm street summer
        table tall team that theory thirty through ticket timber to together tower travel under
        until useful valley value velvet very village violin voice walk water weather well west
        which white window winter wisdom with wonder word yellow young zero
        """,
    "test": """
        adventure airport almond ambition and animal approach artist attic bakery bamboo barrel
        become before below beyond bicycle blossom board border both breeze brother buffalo burning
        calm camera cargo carpet cause ceiling century change charge cheese choice cinema clever
        climb clover collect comet compass concert cookie coral could cousin cradle creek cricket
        curious dawn deeply deliver dentist deposit dinner dolphin donkey drawer eagle echo elbow
        elegant ember emerald envelope equal every explore fabric factory falcon feather festival
        fiction finger flame flower flying follow fortune fountain fragile freight from galaxy
        gallery gather giant ginger glacier glove grape grove gypsum habit hallway harvest hazel
        helmet hollow horizon hotel however hunting idea imagine industry ivory jasmine jewel join
        journey judge kernel keyboard kingdom knot lagoon lantern launch lavender lively lobby
        lucky luggage mammal marble mayor melody mineral minute mosaic motion museum mystery native
        neighbour nephew noble notebook novel nutmeg oasis olive opera orbit orchard organ our
        oyster
        palace panel parade passage patient peanut pebble pepper phrase pigeon pioneer plastic
        plough poetry polite portrait promise pumpkin puzzle quarter question quick radar ranch
        recipe reef remote rescue ribbon rough royal rubber saddle sailor sapphire scarlet science
        secret seven shelter sister sketch soldier spider spiral sponge stable statue steady stream
        studio sugar sunset surface swift symbol tea temple texture thanks their theatre thunder
        tiger tomato torch tourist traffic treasure tulip turtle twenty unique upon vanilla vessel
        victory vintage visit volcano wagon walnut wander warm whale when wild willow wizard wooden
        workshop would yard yogurt zebra
        """,
}

FOREIGN = {
    "train": {
        "de": "Übergröße Straße Möwe Schlüssel Frühling Gewässer Brücke Käfig fünf süß Öffnung",
        "fr": "déjà forêt élève garçon château hôtel cœur français première où naïf été façade",
        "cs": "žluťoučký kůň příliš úpěl ďábelské řeka škola čtvrtek město věž těžký mlýn každý",
        "ru": "дорога молоко письмо щенок яблоко объект журнал цветок экран юность ночь фильм шум",
        "el": "θάλασσα βιβλίο ήλιος γράμμα ψωμί ουρανός χωριό ξύλο φως πόλη αέρας δρόμος ζωή",
        "zh": "山水 天气 城市 图书 音乐 朋友 今天 工作 时间 学习 电话 世界 春风 文件 新建 设置",
    },
    "test": {
        "es": "mañana corazón jardín niño árbol águila pingüino canción ¿cuánto? película año",
        "pl": "źródło łąka święto żaba dzień ćma miód gęś pięć ślad kość łódź śnieg jabłoń ósmy",
        "sv": "smörgås ånger älg blåbär kök höst fjäril tåg vän skärgård björk öppna ägg gård nät",
        "tr": "ağaç güneş şehir çiçek köprü öğrenci yağmur düşünce söğüt gökyüzü küçük üç",
        "uk": "їжак щастя книга ґанок ніч вулиця хліб м'яч зірка є життя цибуля подорож ґудзик",
        "ja": "空港 さくら ニュース 写真 東京 ありがとう カメラ 予定 会議 保存 編集 みどり",
    },
}

MENUS = {
    "train": "File Edit View Tools Help Search Options Layout",
    "test": "Project Insert Format Window Account Actions Extras Support",
}

ACTIONS = {
    "train": "OK Cancel Save Apply Delete Next Send Print Share Upload Retry Close",
    "test": "Continue Discard Accept Reject Install Export Back Finish Publish Remove Later",
}

NAMES = {
    "train": """Anna Peter Maria Tomas Julia Henrik Sofia Daniel Elena Marek Lucia Robert
        Novak Bauer Keller Martin Dubois Larsen Horvat Petrov Rossi Weber Moore Clark""",
    "test": """Ingrid Pablo Oksana Jakub Carmen Nils Beatriz Yusuf Hanna Viktor Leyla Oscar
        Kowalski Garcia Lindqvist Yilmaz Shevchenko Fernandez Ekberg Wozniak Aydin Torres""",
}

KEYWORDS = {
    "train": "def return if else for in while import class not and None True self yield",
    "test": "fn let mut match impl struct const pub enum async await loop break use where",
}

COMMANDS = {
    "train": "ls cd grep make git python3 cat ssh find tar",
    "test": "ps df cargo docker curl awk ping rsync systemctl htop",
}

SUFFIXES = {
    "train": "txt py pdf png csv html zip odt mp3 json",
    "test": "md rs docx jpg xml css iso ods flac toml",
}
