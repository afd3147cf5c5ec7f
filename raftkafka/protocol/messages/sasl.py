"""SASL: the handshake, its exchange, and the SCRAM credentials behind it."""

from __future__ import annotations

from raftkafka.protocol.schema import (
    ALL,
    Request,
    Response,
    Struct,
    array,
    binary,
    int8,
    int16,
    int32,
    int64,
    string,
)


class SaslHandshakeRequest(Request, api=17, versions="0-1"):
    """Choose a mechanism; version 0 goes on without Kafka's frames."""

    mechanism: str = string()


class SaslHandshakeResponse(Response, api=17, versions="0-1"):
    """Whether it is enabled, and those that are."""

    error_code: int = int16()
    mechanisms: list[str] = array(string)


class SaslAuthenticateRequest(Request, api=36, versions="0-2", flexible="2+"):
    """One message of the mechanism, from the client (KIP-152)."""

    auth_bytes: bytes = binary()


class SaslAuthenticateResponse(Response, api=36, versions="0-2", flexible="2+"):
    """One message of the mechanism, from the broker."""

    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    auth_bytes: bytes = binary()
    session_lifetime_ms: int = int64("1+", ignorable=True)


class DescribeUserScramCredentialsUser(Struct):
    """One user."""

    name: str = string()


class DescribeUserScramCredentialsRequest(Request, api=50, versions="0", flexible="0+"):
    """Ask which users have SCRAM credentials; None for all (KIP-554)."""

    users: list[DescribeUserScramCredentialsUser] | None = array(
        DescribeUserScramCredentialsUser, null=ALL
    )


class DescribedScramCredential(Struct):
    """One mechanism and its iterations."""

    mechanism: int = int8()
    iterations: int = int32()


class DescribeUserScramCredentialsResult(Struct):
    """The credentials of one user, or the error."""

    user: str = string()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    credential_infos: list[DescribedScramCredential] = array(DescribedScramCredential)


class DescribeUserScramCredentialsResponse(Response, api=50, versions="0", flexible="0+"):
    """The credentials of each user, without their secrets."""

    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)
    results: list[DescribeUserScramCredentialsResult] = array(DescribeUserScramCredentialsResult)


class ScramCredentialDeletion(Struct):
    """A user and the mechanism to delete."""

    name: str = string()
    mechanism: int = int8()


class ScramCredentialUpsertion(Struct):
    """A user, the mechanism, and the salted password."""

    name: str = string()
    mechanism: int = int8()
    iterations: int = int32()
    salt: bytes = binary()
    salted_password: bytes = binary()


class AlterUserScramCredentialsRequest(Request, api=51, versions="0", flexible="0+"):
    """Delete and set SCRAM credentials (KIP-554)."""

    deletions: list[ScramCredentialDeletion] = array(ScramCredentialDeletion)
    upsertions: list[ScramCredentialUpsertion] = array(ScramCredentialUpsertion)


class AlterUserScramCredentialsResult(Struct):
    """One user that was changed, or the error."""

    user: str = string()
    error_code: int = int16()
    error_message: str | None = string(null=ALL)


class AlterUserScramCredentialsResponse(Response, api=51, versions="0", flexible="0+"):
    """What became of each user."""

    throttle_time_ms: int = int32()
    results: list[AlterUserScramCredentialsResult] = array(AlterUserScramCredentialsResult)
