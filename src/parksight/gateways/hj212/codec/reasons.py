"""The vocabulary of what can be wrong with a frame: errors refuse it, deviations are noted and tolerated.

Texts are ``gateways.hj212.error.<code>`` and ``gateways.hj212.deviation.<code>`` in the locale files.
"""

from __future__ import annotations

from enum import StrEnum


class FrameError(StrEnum):
    """Why a frame (or bytes that were to become one) could not be taken."""

    BAD_CRC = "bad_crc"
    MODBUS_CRC = "modbus_crc_sender"
    BAD_LENGTH = "bad_length"
    BAD_HEADER = "bad_header"
    TOO_LONG = "frame_too_long"
    NO_CP = "no_cp"
    NO_CN = "no_cn"
    NO_MN = "no_mn"
    NO_DATA_TIME = "no_data_time"
    BAD_DATA_TIME = "bad_data_time"
    UNKNOWN_MN = "unknown_mn"
    DISABLED_MN = "disabled_mn"
    WRONG_ADDRESS = "wrong_address"
    UNDECRYPTABLE = "undecryptable"


class Deviation(StrEnum):
    """What breaks the standard but was read nevertheless."""

    JUNK = "junk_before_frame"
    MISSING_CRLF = "missing_crlf"
    LOWER_CRC = "lower_case_crc"
    LONG_SEGMENT = "segment_above_1024"
    MISSING_QN = "missing_qn"
    MISSING_ST = "missing_st"
    MISSING_PW = "missing_pw"
    MISSING_FLAG = "missing_flag"
    QN_FORM = "qn_form"
    ST_FORM = "st_form"
    PW_LENGTH = "pw_length"
    MN_LENGTH = "mn_length"
    FLAG_FORM = "flag_form"
    UNKNOWN_VERSION = "unknown_version"
    PNUM_WITHOUT_SPLIT = "pnum_without_split"
    SPLIT_WITHOUT_PNUM = "split_without_pnum"
    PNUM_FORM = "pnum_form"
    PNO_ABOVE_PNUM = "pno_above_pnum"
    HEADER_ORDER = "header_order"
    HEADER_CASE = "header_case"
    HEADER_UNKNOWN = "header_unknown_field"
    HEADER_DUPLICATE = "header_duplicate_field"
    HEADER_SEPARATOR = "header_separator"
    RF_UNEXPECTED = "rf_unexpected"
    CP_UNTERMINATED = "cp_unterminated"
    SPACES = "spaces"
    TRAILING_SEPARATOR = "trailing_separator"
    EMPTY_ITEM = "empty_item"
    COMMA_FOR_SEMICOLON = "comma_for_semicolon"
    SEMICOLON_FOR_COMMA = "semicolon_for_comma"
    NO_EQUALS = "pair_without_equals"
    DUPLICATE_KEY = "duplicate_key"
    NAME_CASE = "name_case"
    MISSING_PREFIX = "missing_factor_prefix"
    DATA_TIME_LENGTH = "data_time_17_digits"
    BLANK_VALUE = "blank_value"
    NOT_A_NUMBER = "not_a_number"
    NUMBER_FORM = "number_form"
    UNKNOWN_FLAG = "unknown_data_flag"
    NOT_UTF8 = "not_utf8"
    CLEAR_TEXT = "clear_text_expected_cipher"
    UNKNOWN_COMMAND = "unknown_command"
    TWO_ADDRESSES = "mn_from_two_addresses"
