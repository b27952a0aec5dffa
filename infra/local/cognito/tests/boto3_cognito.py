"""The user pool as boto3, pycognito and pyotp see it: clients that know nothing of the stand-in.

    python boto3_cognito.py ENDPOINT POOL CLIENT [MAIL_URL]

MAIL_URL is the runner's /_local/mail; without it the flows that need a code from a mail are left out.
Needs boto3, pycognito, pyotp (and PyJWT, which pycognito brings). Users and groups made here are removed at the end. Exit status 1 on the first difference.
"""

import json
import sys
import time
import urllib.request
import uuid

import boto3
import jwt
import pyotp
from botocore.config import Config
from pycognito import Cognito
from pycognito.aws_srp import AWSSRP

ENDPOINT, POOL, CLIENT = sys.argv[1:4]
MAIL = sys.argv[4] if len(sys.argv) > 4 else None
REGION = POOL.split("_")[0]
RUN = uuid.uuid4().hex[:10]
PASSWORD, NEW_PASSWORD = "Correct-horse-1", "Another-horse-2"
KEYS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}

idp = boto3.client("cognito-idp", endpoint_url=ENDPOINT, region_name=REGION, config=Config(retries={"max_attempts": 1}), **KEYS)
users, groups, checks = [], [], 0


def check(what, ok, seen=""):
    global checks
    checks += 1
    if not ok:
        raise AssertionError(f"{what}: {seen}")
    print(f"ok {what}")


def refused(what, error, call, **arguments):
    try:
        answer = call(**arguments)
    except idp.exceptions.ClientError as refusal:
        check(what, refusal.response["Error"]["Code"] == error, refusal.response["Error"])
        return refusal.response["Error"]["Message"]
    raise AssertionError(f"{what}: {error} expected, came {answer}")


def mailed(to):
    with urllib.request.urlopen(MAIL) as answer:
        mails = json.load(answer)
    return next(mail["code"] for mail in mails if mail["to"] == to)


def password_sign_in(username, password):
    parameters = {"USERNAME": username, "PASSWORD": password}
    return idp.initiate_auth(ClientId=CLIENT, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)


def srp(username, password):
    return AWSSRP(username=username, password=password, pool_id=POOL, client_id=CLIENT, client=idp)


def invited(name):
    """A user with a permanent password, without a mail."""
    email = f"{name}-{RUN}@example.com"
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    idp.admin_create_user(UserPoolId=POOL, Username=email, UserAttributes=attributes, MessageAction="SUPPRESS")
    users.append(email)
    idp.admin_set_user_password(UserPoolId=POOL, Username=email, Password=PASSWORD, Permanent=True)
    return email


def sign_up_and_codes():
    email = f"signup-{RUN}@example.com"
    attributes = [{"Name": "email", "Value": email}, {"Name": "given_name", "Value": "Alice"}]
    answer = idp.sign_up(ClientId=CLIENT, Username=email, Password=PASSWORD, UserAttributes=attributes)
    users.append(email)
    check("sign-up answers a sub and a masked destination",
          len(answer["UserSub"]) == 36 and answer["CodeDeliveryDetails"]["Destination"] == "s***@e***", answer)
    refused("the same address again", "UsernameExistsException", idp.sign_up, ClientId=CLIENT, Username=email, Password=PASSWORD)
    refused("a weak password", "InvalidPasswordException", idp.sign_up, ClientId=CLIENT, Username=f"w{email}", Password="weak")
    refused("unconfirmed sign-in", "UserNotConfirmedException", password_sign_in, username=email, password=PASSWORD)
    if MAIL:
        code = mailed(email)
        wrong = "000000" if code != "000000" else "000001"
        refused("a wrong code", "CodeMismatchException", idp.confirm_sign_up, ClientId=CLIENT, Username=email, ConfirmationCode=wrong)
        idp.confirm_sign_up(ClientId=CLIENT, Username=email, ConfirmationCode=code)
        idp.forgot_password(ClientId=CLIENT, Username=email)
        code = mailed(email)
        idp.confirm_forgot_password(ClientId=CLIENT, Username=email, ConfirmationCode=code, Password=NEW_PASSWORD)
        refused("the old password", "NotAuthorizedException", password_sign_in, username=email, password=PASSWORD)
        check("the new password", "AuthenticationResult" in password_sign_in(email, NEW_PASSWORD))
    else:
        idp.admin_confirm_sign_up(UserPoolId=POOL, Username=email)
        check("confirmed by an administrator", "AuthenticationResult" in password_sign_in(email, PASSWORD))


def passwords_and_tokens():
    email = invited("tokens")
    message = refused("a wrong password", "NotAuthorizedException", password_sign_in, username=email, password="Wrong-horse-1")
    unknown = refused("an unknown user", "NotAuthorizedException", password_sign_in, username=f"x{email}", password=PASSWORD)
    check("both sound the same", message == unknown == "Incorrect username or password.", (message, unknown))
    tokens = password_sign_in(email.upper(), PASSWORD)["AuthenticationResult"]
    me = idp.get_user(AccessToken=tokens["AccessToken"])
    check("who am I", {"Name": "email", "Value": email} in me["UserAttributes"], me)
    again = idp.initiate_auth(ClientId=CLIENT, AuthFlow="REFRESH_TOKEN_AUTH",
                              AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]})["AuthenticationResult"]
    check("refreshed", "RefreshToken" not in again and again["AccessToken"] != tokens["AccessToken"])
    idp.change_password(AccessToken=again["AccessToken"], PreviousPassword=PASSWORD, ProposedPassword=NEW_PASSWORD)
    idp.global_sign_out(AccessToken=again["AccessToken"])
    message = refused("signed out", "NotAuthorizedException", idp.get_user, AccessToken=tokens["AccessToken"])
    check("and told so", message == "Access Token has been revoked", message)
    refused("refresh after sign-out", "NotAuthorizedException", idp.initiate_auth, ClientId=CLIENT,
            AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]})
    tokens = password_sign_in(email, NEW_PASSWORD)["AuthenticationResult"]
    idp.revoke_token(ClientId=CLIENT, Token=tokens["RefreshToken"])
    refused("a revoked family", "NotAuthorizedException", idp.get_user, AccessToken=tokens["AccessToken"])


def secure_remote_password():
    email = invited("srp")
    tokens = srp(email, PASSWORD).authenticate_user()["AuthenticationResult"]
    check("SRP by pycognito", idp.get_user(AccessToken=tokens["AccessToken"])["Username"])
    keys = jwt.PyJWKClient(f"{ENDPOINT}/{POOL}/.well-known/jwks.json")
    for kind, audience in (("AccessToken", None), ("IdToken", CLIENT)):
        key = keys.get_signing_key_from_jwt(tokens[kind])
        claims = jwt.decode(tokens[kind], key, algorithms=["RS256"], audience=audience)
        check(f"PyJWT verifies the {kind} with the key set", claims["iss"].endswith(f"/{POOL}"), claims)
    for number in range(6):  # leading zeros and high bits of random numbers differ from run to run
        check(f"SRP once more ({number})", "AuthenticationResult" in srp(email, PASSWORD).authenticate_user())
    refused("SRP with a wrong password", "NotAuthorizedException", srp(email, "Wrong-horse-1").authenticate_user)
    refused("SRP of nobody", "NotAuthorizedException", srp(f"x{email}", PASSWORD).authenticate_user)
    user = Cognito(POOL, CLIENT, user_pool_region=REGION, username=email, boto3_client_kwargs={"endpoint_url": ENDPOINT, **KEYS})
    user.client = idp
    check("pycognito's own client object", user.admin_get_user().email == email)

    fresh = f"temporary-{RUN}@example.com"
    idp.admin_create_user(UserPoolId=POOL, Username=fresh, TemporaryPassword="Temporary-1", MessageAction="SUPPRESS")
    users.append(fresh)
    check("SRP with a temporary password and a new one",
          "AuthenticationResult" in srp(fresh, "Temporary-1").set_new_password_challenge(NEW_PASSWORD))


def authenticator():
    email = invited("totp")
    token = password_sign_in(email, PASSWORD)["AuthenticationResult"]["AccessToken"]
    secret = idp.associate_software_token(AccessToken=token)["SecretCode"]
    totp = pyotp.TOTP(secret)
    now = int(time.time())
    refused("a wrong set-up code", "EnableSoftwareTokenMFAException", idp.verify_software_token, AccessToken=token,
            UserCode=totp.at(now - 3600))
    check("set up", idp.verify_software_token(AccessToken=token, UserCode=totp.at(now))["Status"] == "SUCCESS")
    idp.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    check("listed", idp.get_user(AccessToken=token)["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"])
    challenge = password_sign_in(email, PASSWORD)
    check("challenged", challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA", challenge)

    def answer(code):
        return idp.respond_to_auth_challenge(ClientId=CLIENT, ChallengeName="SOFTWARE_TOKEN_MFA", Session=challenge["Session"],
                                             ChallengeResponses={"USERNAME": email, "SOFTWARE_TOKEN_MFA_CODE": code})

    refused("a wrong code", "CodeMismatchException", answer, code=totp.at(now - 3600))
    refused("the code of the set-up again", "ExpiredCodeException", answer, code=totp.at(now))
    # The next code: an authenticator half a minute ahead is accepted.
    check("the next code", "AuthenticationResult" in answer(totp.at(now + 30)))


def groups_and_lists():
    email = invited("member")
    group = f"group-{RUN}"
    idp.create_group(UserPoolId=POOL, GroupName=group, Precedence=1)
    groups.append(group)
    refused("the same group again", "GroupExistsException", idp.create_group, UserPoolId=POOL, GroupName=group)
    idp.admin_add_user_to_group(UserPoolId=POOL, Username=email, GroupName=group)
    members = idp.list_users_in_group(UserPoolId=POOL, GroupName=group)["Users"]
    found = idp.list_users(UserPoolId=POOL, Filter=f'email = "{email}"')["Users"]
    check("one member, found by mail", len(members) == len(found) == 1 and members[0]["Username"] == found[0]["Username"])
    pages = idp.get_paginator("list_users").paginate(UserPoolId=POOL, PaginationConfig={"PageSize": 1})
    check("pages of one hold everybody", sum(len(page["Users"]) for page in pages) >= len(users))
    check("the pool describes itself", idp.describe_user_pool(UserPoolId=POOL)["UserPool"]["Id"] == POOL)
    described = idp.describe_user_pool_client(UserPoolId=POOL, ClientId=CLIENT)["UserPoolClient"]
    check("and the client", described["ClientId"] == CLIENT, described)
    refused("no such user", "UserNotFoundException", idp.admin_get_user, UserPoolId=POOL, Username="nobody")
    idp.admin_disable_user(UserPoolId=POOL, Username=email)
    refused("a disabled user", "NotAuthorizedException", password_sign_in, username=email, password=PASSWORD)


def lockout():
    email = invited("lockout")
    for _ in range(5):
        refused("a wrong password", "NotAuthorizedException", password_sign_in, username=email, password="Wrong-horse-1")
    message = refused("the right one in the pause", "NotAuthorizedException", password_sign_in, username=email, password=PASSWORD)
    check("says why", message == "Password attempts exceeded", message)


try:
    for flow in (sign_up_and_codes, passwords_and_tokens, secure_remote_password, authenticator, groups_and_lists, lockout):
        flow()
finally:
    for name in users:
        idp.admin_delete_user(UserPoolId=POOL, Username=name)
    for name in groups:
        idp.delete_group(UserPoolId=POOL, GroupName=name)
print(f"{checks} checks")
