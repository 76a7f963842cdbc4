from hvae.datasets.base import set_labels
from hvae.datasets.looks import own_titles, title


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


def test_a_set_of_unknown_place_loses_its_digits_where_no_other_has_its_name():
    scored = ["gtsrb-0e772160", "mnist-0e772160", "letters-00000001", "letters-00000002", "cifar10", "shoes-00000003"]
    found = own_titles({"shoes-00000003": "folder:/mine/shoes", "x-00000004": "folder:/MNIST"}, scored)
    assert found == {
        "gtsrb-0e772160": "gtsrb",
        "mnist-0e772160": "mnist-0e772160",
        "letters-00000001": "letters-00000001",
        "letters-00000002": "letters-00000002",
        "shoes-00000003": "mine/shoes",
        "x-00000004": "x-00000004",
    }
    assert title("gtsrb-0e772160", found) == "gtsrb" and title("new-00000005", found) == "new-00000005"
    assert title("mnist-as-32x32-colour", found) == "MNIST as 32x32 colour"
