"""The errors runproxy raises, each with the HTTP status, the code and the exit code it ends in.

    RunproxyError
    ├── ConfigError               exit 2   a setting that cannot be used
    ├── Refusal                   400      a call the guard or the edge does not let through; exit 2
    │   ├── MalformedJson         400      the body is not JSON
    │   ├── MethodRefused         405
    │   ├── BodyTooSlow           408
    │   ├── BodyTooLarge          413
    │   ├── TargetTooLong         414
    │   ├── MediaTypeRefused      415
    │   ├── ExpectationRefused    417
    │   ├── HeadersTooLarge       431
    │   ├── OutsideBasePath       404
    │   ├── UnknownSession        404
    │   └── RouteDenied           404
    ├── WorkersFailed                      no worker starts; exit code of the last one
    ├── NeedsOneProcess           409      what several workers cannot do together; exit 2
    ├── Overloaded                503      what this process cannot do now, and may be able to do soon
    │   ├── TooManyConnections
    │   └── TooManyCalls
    ├── RulesChanged              503      a call that came in under rules that are no longer in force
    ├── Stopped                   503      a call that was broken off because runproxy had to stop
    ├── ClientGone                400      a client that broke off its call; nobody gets this answer
    ├── UploadNotKept             507      no room for an upload of which it is not known yet where it goes
    ├── CassetteMiss              501      no recorded answer; never retried by a client
    ├── UpstreamError             502
    │   └── UpstreamTimeout       504
    ├── BrokenOff                          an answer that a fault breaks off
    ├── AuditError                exit 2   of the audit; in runproxy.audit.errors
    └── CassetteError             exit 2   a cassette file that cannot be read or written
        ├── CassetteNotFound
        ├── CorruptCassette
        ├── UnknownFormat
        ├── NotStorable                    one interaction that must not be written
        │   ├── ClosedEndpoint
        │   ├── SecretFound
        │   ├── TooLongToRecord
        │   ├── TooManyCredentials
        │   ├── Unredactable
        │   ├── UploadUnfinished
        │   └── OpaqueBody
        ├── CassetteNotWritable
        └── Unrecorded            507      a call that was answered, whose answer is withheld

A message says what happened, where, and what to do. It never holds a credential or a metadata value.
"""

from runproxy.errors.answers import (
    BrokenOff,
    CassetteMiss,
    UpstreamError,
    UpstreamTimeout,
)
from runproxy.errors.base import (
    ConfigError,
    RunproxyError,
)
from runproxy.errors.cassettes import (
    CassetteError,
    CassetteNotFound,
    CassetteNotWritable,
    ClosedEndpoint,
    CorruptCassette,
    NotStorable,
    OpaqueBody,
    SecretFound,
    TooLongToRecord,
    TooManyCredentials,
    UnknownFormat,
    Unrecorded,
    Unredactable,
    UploadUnfinished,
)
from runproxy.errors.refusals import (
    BodyTooLarge,
    BodyTooSlow,
    ExpectationRefused,
    HeadersTooLarge,
    MalformedJson,
    MediaTypeRefused,
    MethodRefused,
    OutsideBasePath,
    Refusal,
    RouteDenied,
    TargetTooLong,
    UnknownSession,
)
from runproxy.errors.serving import (
    ClientGone,
    NeedsOneProcess,
    Overloaded,
    RulesChanged,
    Stopped,
    TooManyCalls,
    TooManyConnections,
    UploadNotKept,
    WorkersFailed,
)

__all__ = [
    "BodyTooLarge",
    "BodyTooSlow",
    "BrokenOff",
    "CassetteError",
    "CassetteMiss",
    "CassetteNotFound",
    "CassetteNotWritable",
    "ClientGone",
    "ClosedEndpoint",
    "ConfigError",
    "CorruptCassette",
    "ExpectationRefused",
    "HeadersTooLarge",
    "MalformedJson",
    "MediaTypeRefused",
    "MethodRefused",
    "NeedsOneProcess",
    "NotStorable",
    "OpaqueBody",
    "OutsideBasePath",
    "Overloaded",
    "Refusal",
    "RouteDenied",
    "RulesChanged",
    "RunproxyError",
    "SecretFound",
    "Stopped",
    "TargetTooLong",
    "TooLongToRecord",
    "TooManyCalls",
    "TooManyConnections",
    "TooManyCredentials",
    "UnknownFormat",
    "UnknownSession",
    "Unrecorded",
    "Unredactable",
    "UploadNotKept",
    "UploadUnfinished",
    "UpstreamError",
    "UpstreamTimeout",
    "WorkersFailed",
]
