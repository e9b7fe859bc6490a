"""What the first release wrote, byte for byte: stores of its time are still read."""

MANIFEST_1 = (
    b'{"dataset_id":"sn-train","files":[{"content_hash":"'
    + b"12" * 32
    + b'","label":null,"path":"2024-04-05/a/detections.parquet","role":"detections","sources":[],'
    b'"tier":"detections"},{"content_hash":"'
    + b"ab" * 32
    + b'","label":"real","path":"2024-04-05/a/triplet-001.fits","role":"triplet","sources":["'
    + b"cd" * 32
    + b'"],"tier":"detections"}],"format_version":1,"left_out":[{"night":"2024-04-06","reason":'
    b'"its detections are not materialised"}]}'
)
MANIFEST_1_HASH = "fbc89bf8bdf382eb1001bf678ac8fb44ab2e1032634b1789d0e18e18de060f42"
MARKER_1 = (
    b'{"author":"root","created_at":"2026-11-28T16:22:59.409343+00:00","dataset_id":"sn-train",'
    b'"files":2,"format_version":1,"manifest_hash":"'
    + MANIFEST_1_HASH.encode()
    + b'","message":"188 labelled","nonce":"7729de57716a46b091b568e35d61b7aa","number":1}'
)
