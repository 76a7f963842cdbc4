from hvae.datasets.base import set_labels


def test_two_folders_of_one_name_are_told_apart():
    shown = set_labels(
        {
            "images-00000001": "folder:/home/me/clothes/images",
            "images-00000002": "folder:/home/me/digits/images",
            "训练-00000003": "npz:/数据/训练.npz",
        }
    )
    assert list(shown.values()) == ["clothes/images", "digits/images", "数据/训练.npz"]


def test_paths_that_end_alike_are_told_apart_by_their_digits():
    shown = set_labels(
        {
            "images-00000001": "folder:/a/x/images",
            "images-00000002": "folder:/b/x/images",
            "m-00000003": "folder:/mnist",
        }
    )
    assert shown == {
        "images-00000001": "images 00000001",
        "images-00000002": "images 00000002",
        "m-00000003": "mnist",
    }


def test_nothing_in_a_name_is_read_as_markup():
    (label,) = set_labels({"x-00000001": "folder:/<b>*a*/[x](y) `$&" + "z" * 99}).values()
    assert not set(label) & set("<>*[]`$&") and len(label) < 65
