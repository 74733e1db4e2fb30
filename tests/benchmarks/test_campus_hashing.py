from mvs_lib.benchmarks import campus_hashing, campus_hashing_settings


def test_the_settings_in_use_are_a_point_of_the_grid():
    for name, tried in campus_hashing_settings.GRID.items():
        assert campus_hashing.METHODS[name][1] in tried


def test_who_draws_nothing_has_one_row_a_length():
    for name, (hasher, settings) in campus_hashing.METHODS.items():
        given = hasher().get_params()
        assert (name in campus_hashing.FIXED) == ("random_state" not in given)
        assert set(settings) <= set(given)
