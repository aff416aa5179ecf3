"""What the server is asked for; test_connection makes each against a server."""

from nats.js import api

from funding.nats.places import Bucket, Stream


def test_a_bucket_is_a_stream_of_a_name_that_others_find() -> None:
    bucket = Bucket("funding-quotes", replicas=3)
    config = bucket.config()
    assert bucket.stream == config.name == "KV_funding-quotes"
    assert config.subjects == ["$KV.funding-quotes.>"]
    assert bucket.subject("binance.BTCUSDT") == "$KV.funding-quotes.binance.BTCUSDT"
    assert (config.storage, config.num_replicas) == (api.StorageType.MEMORY, 3)
    assert config.max_msgs_per_subject == 1


def test_a_stream_is_bounded() -> None:
    config = Stream("FUNDING-TRAIL", ("funding-trail.>",)).config()
    assert config.storage is api.StorageType.FILE
    assert config.max_age == 7 * 86_400
    assert config.duplicate_window == 3_600
    assert config.max_bytes == 1 << 30
