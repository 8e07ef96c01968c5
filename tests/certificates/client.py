"""Asks a control plane for a certificate, as agents do: grpcio over TLS, the message as protobuf writes it.

Prints JSON: {"chain": [...]} or {"code": "...", "message": "..."}.
"""

import argparse
import json

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

METHOD = "/istio.v1.auth.IstioCertificateService/CreateCertificate"


def messages():
    """The request and the response of the service."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="ca.proto", package="t", syntax="proto3")
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    request = file.message_type.add(name="Request")
    request.field.add(name="csr", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    request.field.add(name="seconds", number=3, type=field.TYPE_INT64, label=field.LABEL_OPTIONAL)
    request.field.add(
        name="metadata",
        number=4,
        type=field.TYPE_MESSAGE,
        type_name=".google.protobuf.Struct",
        label=field.LABEL_OPTIONAL,
    )
    response = file.message_type.add(name="Response")
    response.field.add(name="chain", number=1, type=field.TYPE_STRING, label=field.LABEL_REPEATED)
    pool = descriptor_pool.Default()
    pool.Add(file)
    found = (pool.FindMessageTypeByName(f"t.{name}") for name in ("Request", "Response"))
    return [message_factory.GetMessageClass(name) for name in found]


def read(path):
    """The content of a file; None without one."""
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def main():
    """Asks once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    for name in ("roots", "csr", "token", "certificate", "key", "cluster", "impersonate"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--signer")
    parser.add_argument("--host", default="istiod.istio-system.svc")
    arguments = parser.parse_args()
    request_type, response_type = messages()
    request = request_type(csr=read(arguments.csr).decode(), seconds=arguments.seconds)
    if arguments.impersonate:
        request.metadata["ImpersonatedIdentity"] = arguments.impersonate
    if arguments.signer is not None:
        request.metadata["CertSigner"] = arguments.signer
    headers = []
    if arguments.token:
        headers.append(("authorization", "Bearer " + read(arguments.token).decode().strip()))
    if arguments.cluster:
        headers.append(("clusterid", arguments.cluster))
    if arguments.roots:
        secrets = grpc.ssl_channel_credentials(
            read(arguments.roots), read(arguments.key), read(arguments.certificate)
        )
        options = [("grpc.ssl_target_name_override", arguments.host)]
        channel = grpc.secure_channel(arguments.address, secrets, options)
    else:
        channel = grpc.insecure_channel(arguments.address)
    call = channel.unary_unary(
        METHOD, request_type.SerializeToString, response_type.FromString
    )
    try:
        print(json.dumps({"chain": list(call(request, metadata=headers, timeout=30).chain)}))
    except grpc.RpcError as error:
        print(json.dumps({"code": error.code().name, "message": error.details()}))


main()
